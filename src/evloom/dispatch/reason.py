"""Why an EVSE gets the power it gets: one number per EVSE and cycle.

A number >= 0 is the row of the node of the limit tree that binds. The rest:
"""

FULL = -1  # everything the car and the pile can take
EMPTY = -2  # no car
DONE = -3  # the car wants no more
PLAN = -4  # the policy waits for a better time
MINIMUM = -5  # what was left is below the least current the pile can be set to
STEP = -6  # rounded down to a current step
BAY = -7  # the other bay of the pile is charging
FALLBACK = -8  # the plan was not found or its orders failed the check: a safe set stands in
OFFLINE = -9  # no link to the pile: it keeps what it was sent ahead, then its safe default
STRAYED = -10  # it does not do what it is ordered: what it draws is load that nobody steers
UNTRIED = -11  # its first car: little is asked until it has shown that it follows
HELD = -12  # orders are not changed more often than charger and car bear
DIAGNOSED = -13  # its battery is suspect: it is charged gently and not full, or not at all

TEXT = {
    FULL: "full power of car and pile",
    EMPTY: "no car",
    DONE: "the car wants no more",
    PLAN: "the plan waits for a better time",
    MINIMUM: "what was left is below the least current of the pile",
    STEP: "rounded down to a current step",
    BAY: "the other bay of the pile is charging",
    FALLBACK: "a safe order stands in for one that was not found or failed the check",
    OFFLINE: "no link to the pile: it keeps what it was sent, then its safe default",
    STRAYED: "it does not follow its orders: room is kept for what it draws",
    UNTRIED: "it has not shown yet that it follows: little is asked, and room is kept for more",
    HELD: "it is kept as it is for a while: charger and car need rest between changes",
    DIAGNOSED: "battery diagnosis: it is charged gently and not full, or not at all",
}
