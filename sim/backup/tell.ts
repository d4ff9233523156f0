import { complain } from '../screen.js';
/** Progress and complaints go to standard error. */
export function tell(text: string): void {
  complain(`${text}\n`);
}
