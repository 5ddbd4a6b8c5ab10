// Our requests, by reason.

export const TASK_CHILD = 1 as const;
export const TASK_REKEY_CHILD = 2 as const;
export const TASK_REKEY_IKE = 3 as const;
export const TASK_DELETE_CHILD = 4 as const;
export const TASK_DELETE_IKE = 5 as const;
export const TASK_PROBE = 6 as const;
export type TaskKind =
  | typeof TASK_CHILD
  | typeof TASK_REKEY_CHILD
  | typeof TASK_REKEY_IKE
  | typeof TASK_DELETE_CHILD
  | typeof TASK_DELETE_IKE
  | typeof TASK_PROBE;
