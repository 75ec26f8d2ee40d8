// Text fields of the schema that a rule of field-rules.ts judges.
import { z } from 'zod';

/** A string that must satisfy `problemOf`, which answers what is wrong with it, or null. */
export function ruled(problemOf: (text: string) => string | null, description: string) {
  return z
    .string()
    .superRefine((text, context) => {
      const problem = problemOf(text);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem, input: text });
    })
    .describe(description);
}
