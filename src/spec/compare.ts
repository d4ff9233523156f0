import { readStatement, splitStatements } from '../sql/text.js';
import type { SpecEvent } from './events.js';
import type { Answer } from './inbox.js';
import { WARNINGS } from './model-stage.js';

/** Turns events, in order, into what the model and the server must both show; null for those that say nothing of their own. */
export function comparer(): (event: SpecEvent) => string | null {
  let ordered: boolean[] = [];
  let answers = 0;
  return (event) => {
    switch (event.kind) {
      case 'step':
        ordered = splitStatements(event.step.sql).map((text) => readStatement(text).ordered);
        answers = 0;
        return `step ${event.step.name} ${WORDS[event.how]}`;
      case 'answer':
        answers += 1;
        return answerText(event.answer, ordered[answers - 1] ?? false);
      case 'notice':
        return KNOWN_NOTICES.has(event.text) ? `${event.session}: ${event.text.trim()}` : null;
      case 'notification':
        return `${event.session}: NOTIFY ${event.notification.channel} ${event.notification.payload}`;
      case 'infeasible':
        return `infeasible: ${event.reason}`;
      case 'starting':
      case 'complaint':
      case 'unmodelled':
        return null;
    }
  };
}

/** A notice that the model cannot give says nothing against it. */
const KNOWN_NOTICES: ReadonlySet<string> = new Set(Object.values(WARNINGS));

const WORDS = { waiting: 'waits', done: 'completes at once', completed: 'completes after a wait' } as const;

/** Without ORDER BY the order of rows is nobody's promise. */
function answerText(answer: Answer, ordered: boolean): string {
  if (answer.kind === 'closed') return 'the connection is lost';
  if (answer.kind === 'error') return `${answer.code} ${answer.message}`;
  const rows = answer.rows.map((row) => JSON.stringify(row));
  const { command, count } = tagParts(answer.tag);
  return [command, count, answer.fields?.join('|') ?? '', ...(ordered ? rows : rows.sort())].join(' ').trimEnd();
}

/** `INSERT 0 1` and `INSERT 1` are the same. */
function tagParts(tag: string): { command: string; count: string } {
  const words = tag.split(' ');
  const last = words[words.length - 1]!;
  return { command: words[0]!, count: /^\d+$/.test(last) ? last : '' };
}
