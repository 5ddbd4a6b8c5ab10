// Requests of ours, by their reasons.

export const TASK_CHILD = 1;
export const TASK_REKEY_CHILD = 2;
export const TASK_REKEY_IKE = 3;
export const TASK_DELETE_CHILD = 4;
export const TASK_DELETE_IKE = 5;
export const TASK_PROBE = 6;
