"""Where the sums that health is read from stand in their arrays: shared by the kernel that fills them and by what reads them."""

DRIVE, AC, FAST, IDLE, REST, BALANCING, WAKE = range(7)
"""Conditions of a frame, see `segment`."""
N_KIND = 7

# Scalars of a pack.
(
    FIRST_AT, LAST_AT, DAY, SEEN_DAYS, N_BACK, N_FRAME, N_SKIPPED, N_WINDOW, N_REST, KM, TURNED_AH, SCALE_AH, LOAD_AT, LAST_A, LAST_V,
    LAST_SOC, LAST_N, TEMP_C, TEMP_AT, COUNT_AH, COUNT_VAR, COUNT_H, COUNT_S, REST_V, REST_N, REST_AGE, REST_I, OFF_N, OFF_A, OFF_AA,
    CHARGE_AT, BLEED_AT, BLEED_S, BLED_AH, HIGH_V, BRANCH, LAST_HELD, WAS_LOADED, DAY_FIRST, OHM_S, N_LEAPT,
) = range(41)  # fmt: skip
N_SCALAR = 42

# Scalars of the charge window that is open.
W_OPEN, W_FROM, W_TO, W_AH, W_WIDTH, W_FAST, W_MAX_A, W_SOC0, W_SOC1, W_V0, W_V1, W_HOLE, W_N, W_BLED, W_CAPPED = range(15)
N_WINDOW_SCALAR = 16

# Columns of the bins of a window: number of frames, sums of voltage, current, temperature, seconds since begin, charge since begin.
X_N, X_V, X_A, X_T, X_S, X_Q = range(6)
N_BIN_COLUMN = 6
N_BIN = 120

# Rows over the cells: voltage of the last frame (0: doubted), deviation at rest, voltage times current over steps of current, squares
# of those, charge bled.
C_LAST, C_REST, C_STEP, C_STEP_AA, C_BLED = range(5)
N_CELL_ROW = 5

# Sums of the steps of current, of the day, of the last weeks, of the first month: squares of amperes, volts times amperes, number,
# squares of volts. Amperes are multiplied by what the resistance is at that temperature and charge.
S_AA, S_VA, S_N, S_VV = range(4)
N_STEP = 4

# Insulation: of the day (number, logarithm, temperature), then the regression over the days (3 x 3, 3, square, number, first day).
I_N, I_LN, I_T = range(3)
I_A, I_B, I_YY, I_DAYS, I_FIRST = 3, 12, 15, 16, 17
N_INSULATION = 18
