// One bad field of a document: where it is, in the notation of the documentation, and what is wrong with it.

export interface FieldError {
  /** `pools.web.backends[1].weight`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}
