// What every contender answers with: 1 KiB, as its origin does.

export const BODY_BYTES = 1_024;
