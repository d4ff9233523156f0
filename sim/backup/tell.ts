/** Progress and complaints go to standard error. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
