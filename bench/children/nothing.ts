/** A process that does nothing: what node and tsx take of every cold start. */
export {};
