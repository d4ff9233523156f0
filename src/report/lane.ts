/** What was said and what came back: on one line where there is room, else below each other. */
export interface LaneLine {
  readonly text: string;
  /** Begins with `->` or `=>`; empty where there is nothing to tell. */
  readonly answer: string;
}

/** One step as it is shown: a line or several in the lane of its actor, and what it did to usage. */
export interface LaneStep {
  readonly number: number;
  /** -1 for what happens to all of them: a line across the lanes. */
  readonly lane: number;
  readonly lines: readonly LaneLine[];
  readonly usage: string;
  readonly violated: boolean;
}
