type Environment = Readonly<Record<string, string | undefined>>;

/** Colour for a terminal, unless NO_COLOR (no-color.org) or, after it, FORCE_COLOR (force-color.org) says otherwise; none for one that is dumb. */
export function useColor(stream: NodeJS.WriteStream, environment: Environment = process.env): boolean {
  if (environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR) return environment.FORCE_COLOR !== '0' && environment.FORCE_COLOR !== 'false';
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

/** Columns for a report: those of the terminal within reason, and the same everywhere else. */
export function textWidth(stream: NodeJS.WriteStream): number {
  return stream.isTTY ? Math.max(80, Math.min(stream.columns || 120, 160)) : 120;
}
