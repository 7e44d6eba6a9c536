"""Where the running sums of the evidence stand in its arrays: shared by the kernel that fills them and by what reads them."""

# Scalars of a pack that outlive the day.
(
    LAST_AT, DAY, N_BACK, LOAD_AT, CHARGED_AT, LOW_C, HEAT, CHEMISTRY, HIGH_V, OHM, SCALE_AH, REST_SOC, REST_AT, SINCE_AH, LAST_V, LAST_A,
    RESIDUAL_V, READY, N_FRAME, N_SKIPPED, FIRST_AT, LAST_SOC, TEMP_C, TRACE_N, TRACE_Q, TRACE_AT, TRACE_V,
    TRACE_USE, TRACE_MIDDLE_V, TRACE_RATE, R_AT, R_N, R_V, R_SOC, R_SQUARE, R_FROM, R_V_FIRST, R_SUM, R_SUM_T, R_SUM_TT, R_SLOPE,
    SAME_A, SAME_AT,
) = range(43)  # fmt: skip
N_SCALAR = 43
"""R_*: of the readings since R_AT, then of the rest since R_FROM (`evidence_rest`). The current has been near SAME_A since SAME_AT."""

T_Q, T_V = range(2)
N_TRACE = 128
"""Rows of the trace of a charge: charge taken in since it began (share of the capacity), rise of the pack's voltage since then."""

# Scalars of the block that is being filled.
B_COND, B_FROM, B_WEIGHT, B_V, B_C, B_P, B_CC, B_CP, B_PP, B_SOC, B_N, B_BLED, B_LOAD_S, B_A, B_Q = range(15)
N_BLOCK = 15

# Scalars of the day.
(
    D_STEP_VA, D_STEP_AA, D_ZERO_WEIGHT, D_ZERO_A, D_BALANCE_AH, D_BALANCE_S, D_CAP_AH, D_CAP_SOC, D_INS_WEIGHT, D_INS_LN, D_INS_T,
    D_OUT_WEIGHT, D_OUT_A, D_OUT_AA, D_OUT_V, D_OUT_VA, D_REST_WEIGHT, D_REST_S, D_REST_SS, D_SHOULDER_WEIGHT, D_SHOULDER_S, D_NOISE_N,
    D_PROBE_N, D_HEAT, D_HEAT_2, D_TEMP, D_CHARGE_S, D_DRIVE_S, D_COLD_CHARGE_S, D_FAST_CHARGE_S, D_BLED_S, D_SOC_MIN, D_SOC_MAX, D_FRAMES,
    D_TEMP_LOW, D_TEMP_HIGH, D_REST_SOC, D_STILL_WEIGHT, D_STILL_A, D_LEVEL,
) = range(40)  # fmt: skip
N_LEVEL = 12
"""From D_LEVEL on: charge (share of the capacity, plus 1; 0 unknown) at which a slow charge passed each of so many voltages."""
D_GAUGE_AH, D_GAUGE_SOC = D_LEVEL + N_LEVEL, D_LEVEL + N_LEVEL + 1
"""Charge counted while charging, and by how much the management's own state of charge rose meanwhile."""
D_SHOULDER_Q, D_SHOULDER_P, D_BALANCE_SOC = range(D_LEVEL + N_LEVEL + 2, D_LEVEL + N_LEVEL + 5)
"""After charges: sums of slope times charge, and of the current of the last ten minutes. By how much the curve's charge has risen from
rest to rest, where the charge counted is held against it."""
D_CREEP = D_LEVEL + N_LEVEL + 5
"""How much the day's rests say of how cells move meanwhile."""
N_DAY = D_LEVEL + N_LEVEL + 6

# Rows over the cells: of the block, then of the day, then what is kept.
(
    C_D, C_CD, C_PD, C_LESS, C_LAST, C_NOISE, C_PAIR, C_R0, C_R1, C_R2, C_R3, C_R4, C_REST, C_SHOULDER, C_BLED, C_BAD, C_LOW, C_K0, C_K1,
    C_K2, C_K3, C_K4, C_EVEN, C_REST_D, C_REST_TD, C_CREEP,
) = range(26)  # fmt: skip
N_CELL_ROW = 26
DAY_ROWS = (C_NOISE, C_PAIR, C_R0, C_R1, C_R2, C_R3, C_R4, C_REST, C_SHOULDER, C_BLED, C_BAD, C_CREEP)

# Rows over the probes, all of the day.
P_N, P_D, P_HEAT, P_LOW, P_HIGH, P_ABSENT = range(6)
N_PROBE_ROW = 6

REST, SHOULDER, DRIVE, CHARGE, IDLE = range(5)
"""Relaxed (no load for half an hour), after a charge, under load, charging, standing but not relaxed yet."""

N_REGRESSOR = 5
"""What a cell's deviation is explained by: 1, slope of the curve, slope times charge, current, current of the last ten minutes."""
