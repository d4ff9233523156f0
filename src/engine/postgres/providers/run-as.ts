/** The server refuses to run as root: root starts it as `postgres`, or where there is no such user as `nobody`. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProviderError } from './server.js';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user to run the server as; null: as ourselves. */
export function unprivilegedUser(passwd: () => string = () => readFileSync('/etc/passwd', 'utf8')): User | null {
  if (process.getuid?.() !== 0) return null;
  const users = readUsers(passwd());
  const user = users.get('postgres') ?? users.get('nobody');
  if (user !== undefined) return user;
  throw new ProviderError(
    'PostgreSQL does not run as root, and there is neither a user "postgres" nor a user "nobody" to run it as',
    'Run lastseat as an ordinary user, or add one: useradd --system postgres',
  );
}

function readUsers(passwd: string): Map<string, User> {
  const users = new Map<string, User>();
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '') || Number(uid) === 0) continue;
    users.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

/** Whether `user` (null: ourselves) can enter the directory, and write in it if asked. Access lists are not considered. */
export function canUseDirectory(directory: string, user: User | null, need: 'read' | 'write'): boolean {
  try {
    if (user === null) {
      accessSync(directory, constants.R_OK | constants.X_OK | (need === 'write' ? constants.W_OK : 0));
      return true;
    }
    const bits = need === 'write' ? 0o7 : 0o5;
    if ((permissionsOf(directory, user) & bits) !== bits) return false;
    for (let above = directory; above !== dirname(above); above = dirname(above)) {
      if ((permissionsOf(dirname(above), user) & 0o1) === 0) return false;
    }
    return true;
  } catch {
    return false;
  }
}

function permissionsOf(directory: string, user: User): number {
  const { mode, uid, gid } = statSync(directory);
  if (uid === user.uid) return (mode >> 6) & 0o7;
  return gid === user.gid ? (mode >> 3) & 0o7 : mode & 0o7;
}
