/** A process as part of a file's name: whether a file that somebody was writing will still be finished. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { identifyProcess, type Liveness, ownIdentity, type ProcessIdentity } from './process-identity.js';

const MARK = /^([0-9a-f]{8})-(\d+)-([0-9a-f]{8})$/;

/** This process: letters, digits and dashes. */
export function ownMark(): string {
  const own = ownIdentity();
  return `${hostMark()}-${own.pid}-${startMark(own)}`;
}

/** `elsewhere`: of another host, of another container, or from before a reboot. Null where the text is no mark. */
export function livenessOfMark(text: string): Liveness | null {
  const [, host, pid, start] = MARK.exec(text) ?? [];
  if (host === undefined) return null;
  if (host !== hostMark()) return 'elsewhere';
  const now = identifyProcess(Number(pid));
  return now !== null && startMark(now) === start ? 'alive' : 'dead';
}

/** The host, its boot, and whose process numbers are meant. */
export function hostMark(): string {
  const { host, namespace, boot } = ownIdentity();
  return digest(`${host || hostname()}\n${namespace}\n${boot}`);
}

const startMark = ({ pid, start }: ProcessIdentity): string => digest(`${pid}\n${start}`);

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
