import type { Answer, Notification } from './inbox.js';
import type { SpecStep } from './specification.js';
import { renderTable } from './table.js';

/** What a permutation shows, piece by piece, in isolationtester's order. */
export type SpecEvent =
  | { readonly kind: 'starting'; readonly steps: readonly string[] }
  /** A result of a setup or a teardown. */
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'notice'; readonly session: string; readonly text: string }
  /** Its answers follow as events of their own, notices between them. */
  | { readonly kind: 'step'; readonly step: SpecStep; readonly how: 'waiting' | 'done' | 'completed' }
  | { readonly kind: 'notification'; readonly session: string; readonly notification: Notification; readonly sender: string }
  /** For standard error: a setup or a teardown has failed. */
  | { readonly kind: 'complaint'; readonly text: string }
  /** The permutation ends here: nobody could run what comes next. */
  | { readonly kind: 'infeasible'; readonly reason: string }
  /** The permutation ends here: the model does not know what comes next. */
  | { readonly kind: 'unmodelled'; readonly reason: string };

/** The lines of an event as isolationtester prints them. */
export function renderSpecEvent(event: SpecEvent): string {
  switch (event.kind) {
    case 'starting':
      return `\nstarting permutation:${event.steps.map((name) => ` ${name}`).join('')}\n`;
    case 'answer':
      return renderAnswer(event.answer);
    case 'notice':
      return `${event.session}: ${event.text}`;
    case 'step':
      return renderStep(event.step, event.how);
    case 'notification':
      return `${event.session}: NOTIFY "${event.notification.channel}" with payload "${event.notification.payload}" from ${event.sender}\n`;
    case 'complaint':
      return '';
    case 'infeasible':
      return `permutation infeasible: ${event.reason}\n`;
    case 'unmodelled':
      return `permutation unmodelled: ${event.reason.replace(/\s+/g, ' ')}\n`;
  }
}

function renderStep({ name, sql }: SpecStep, how: 'waiting' | 'done' | 'completed'): string {
  if (how === 'completed') return `step ${name}: <... completed>\n`;
  return how === 'waiting' ? `step ${name}: ${sql} <waiting ...>\n` : `step ${name}: ${sql}\n`;
}

function renderAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'result':
      return answer.fields === null ? '' : renderTable(answer.fields, answer.rows);
    case 'error':
      return `${answer.severity}:  ${answer.message}\n`;
    case 'closed':
      return `${CONNECTION_LOST}\n`;
  }
}

/** In libpq's words, line break at the end included. */
const CONNECTION_LOST =
  'server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n';
