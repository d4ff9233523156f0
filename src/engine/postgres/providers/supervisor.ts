/**
 * The shell that outlives us. It makes the cluster's directory, starts the cluster, and waits for the end of file on a pipe whose
 * other end only we hold. The kernel closes our end however we die, so the shell always gets to kill the cluster and to remove
 * the directory. It runs in a session of its own (Ctrl-C does not reach it) and as the user that the server runs as.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { User } from './run-as.js';

/** In the cluster's directory: its server is being killed, and is meant to come back. */
export const CRASHING = 'crashing';
/** The same file when every process of the server is gone. */
export const CRASHED = 'crashed';

/**
 * Members of the cluster are found by their working directory: PostgreSQL changes into its data directory, everything else starts
 * in the one above. That finds frozen backends, those whose postmaster is gone, and a half-done initdb alike. Where there is no
 * /proc, `ps` shows the cluster's name in every title.
 *
 * The postmaster gets SIGQUIT and the rest SIGKILL: a backend that is frozen, or a session leader of its own (all are), is reached by
 * nothing milder, while the postmaster takes its System V shared memory (and on macOS semaphores) with it when it may exit by
 * itself. A shared memory segment whose creator was killed all the same is removed by hand. Two empty looks in a row end it.
 *
 * A server that was killed is started again where a file says that this was meant, as soon as another says that nothing of it is left.
 */
const SCRIPT = String.raw`
umask 077
ulimit -c 0
trap '' HUP INT TERM PIPE
exec 2>&1
dir=$LASTSEAT_DIRECTORY data=$LASTSEAT_DIRECTORY/data name=$LASTSEAT_DIRECTORY
name=\${name##*/} starter=

list_members() {
  members=
  if [ -e /proc/self/cwd ]; then
    for entry in /proc/[0-9]*; do
      [ "$entry" != "/proc/$$" ] || continue
      if [ "$entry/cwd" -ef "$data" ] || [ "$entry/cwd" -ef "$dir" ]; then members="$members \${entry#/proc/}"; fi
    done
  else
    members=$(ps -A -o pid= -o ppid= -o stat= -o command= | LASTSEAT_NAME=$name LASTSEAT_STARTER=$starter awk '
      $3 !~ /^Z/ { parent[$1] = $2; if (index($0, ENVIRON["LASTSEAT_NAME"]) || $1 == ENVIRON["LASTSEAT_STARTER"]) mine[$1] = 1 }
      END {
        do { grown = 0; for (pid in parent) if (!(pid in mine) && (parent[pid] in mine)) { mine[pid] = 1; grown = 1 } } while (grown)
        for (pid in mine) printf " %s", pid
      }')
  fi
}

read_postmaster() {
  postmaster=
  if [ -s "$data/postmaster.pid" ]; then read -r postmaster <"$data/postmaster.pid"; fi
} 2>/dev/null

kill_members() {
  empty=0 round=0 everyone=
  while [ "$empty" -lt 2 ]; do
    list_members
    if [ -z "$members" ]; then empty=$((empty + 1)); continue; fi
    empty=0 round=$((round + 1)) everyone="$everyone$members" spared=$starter
    read_postmaster
    case "$members " in *" $postmaster "*) kill -QUIT "$postmaster" ;; esac
    if [ "$round" -gt 200 ]; then spared= postmaster=; fi
    for pid in $members; do
      if [ "$pid" != "$postmaster" ] && [ "$pid" != "$spared" ]; then kill -KILL "$pid"; fi
    done
    if [ -n "$starter" ] && [ "$members" = " $starter" ]; then sleep 0.002; else sleep 0.005; fi
  done
} 2>/dev/null

remove_segments() {
  read_postmaster
  everyone="$everyone \${postmaster#-} "
  if [ -r /proc/sysvipc/shm ]; then
    while read -r key segment mode size creator last attached rest; do
      case "$everyone" in *" $creator "*) if [ "$attached" = 0 ]; then ipcrm -m "$segment"; fi ;; esac
    done </proc/sysvipc/shm
  elif [ "$round" -gt 0 ] && [ -n "$postmaster" ]; then
    { for line in 1 2 3 4 5 6; do read -r skipped; done; read -r key segment; } <"$data/postmaster.pid"
    if [ -n "$segment" ]; then ipcrm -m "$segment"; fi
  fi
} 2>/dev/null

remove_directory() {
  cd /
  rm -rf "$data" 2>/dev/null
  rm -rf "$dir"
}

start_cluster() {
  trap - HUP INT TERM
  "$LASTSEAT_NATIVES/bin/initdb" -D "$data" $LASTSEAT_INITDB_OPTIONS >initdb.log 2>&1 </dev/null || { echo "failed initdb $?"; return; }
  printf '%s\n' "$LASTSEAT_SETTINGS" >>"$data/postgresql.conf" || { echo "failed settings $?"; return; }
  while :; do
    $LASTSEAT_PIN "$LASTSEAT_NATIVES/bin/postgres" -D "$data" >server.log 2>&1 </dev/null
    status=$?
    if [ "$status" != 137 ] || ! may_restart; then break; fi
  done
  echo "failed postgres $status"
}

may_restart() {
  while [ -e "$dir/${CRASHING}" ]; do sleep 0.002; done
  rm "$dir/${CRASHED}"
} 2>/dev/null

if [ -n "$LASTSEAT_OWNER" ]; then
  if mkdir "$dir" && cd "$dir" && printf '%s\n' "$LASTSEAT_OWNER" >owner.json; then
    start_cluster &
    starter=$!
  else
    echo "failed directory $?"
  fi
  read -r end_of_file
else
  cd "$dir" || exit 1
fi
kill_members
remove_segments
remove_directory
`.replaceAll('\\${', '${');

export interface ClusterPlan {
  /** Absolute; made by the supervisor, which is how it can always be removed by it. */
  readonly directory: string;
  /** Where `bin/initdb` and `bin/postgres` are. */
  readonly natives: string;
  readonly user: User | null;
  /** Written to `owner.json`: whose death makes the directory a leftover. */
  readonly owner: string;
  readonly initdbOptions: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  /** The core to pin the server to, where `taskset` exists. */
  readonly cpu: number | null;
}

export type FailedStage = 'directory' | 'initdb' | 'settings' | 'postgres' | 'supervisor';

/** A running supervisor. Its cluster lives until `stop`, or until this process ends in whatever way. */
export class Supervisor {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #failure: FailedStage | null = null;
  #output = '';

  constructor(plan: ClusterPlan) {
    this.#child = spawnScript(plan.user, {
      LASTSEAT_DIRECTORY: plan.directory,
      LASTSEAT_OWNER: plan.owner,
      LASTSEAT_NATIVES: plan.natives,
      LASTSEAT_INITDB_OPTIONS: plan.initdbOptions.join(' '),
      LASTSEAT_SETTINGS: Object.entries(plan.settings)
        .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
        .join('\n'),
      LASTSEAT_PIN: plan.cpu === null ? '' : `taskset -c ${plan.cpu}`,
    });
    this.#ended = endOf(this.#child);
    this.#child.once('error', () => this.#fail('supervisor'));
    this.#child.once('exit', () => this.#fail('supervisor'));
    // Writing is never tried; a pipe that breaks because the shell was killed shows as its exit.
    this.#child.stdin?.on('error', () => {});
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  /** The stage that failed, as soon as one has. A server that ends by itself later counts as failed too. */
  get failure(): FailedStage | null {
    return this.#failure;
  }

  /** What the shell had to say beside its reports: why it could not make the directory. */
  get complaints(): string {
    return this.#output.replace(/^failed \w+ \d+$/gm, '').trim();
  }

  /** From now on a forgotten server does not keep this process alive. */
  release(): void {
    setReferenced(this.#child, false);
  }

  /** Resolves when the shell has killed the cluster, removed its directory and ended. False if it could not: it was killed itself. */
  async stop(): Promise<boolean> {
    setReferenced(this.#child, true);
    this.#child.stdin?.end();
    await this.#ended;
    return this.#child.exitCode === 0;
  }

  #read(text: string): void {
    this.#output += text;
    const stage = /^failed (\w+) \d+$/m.exec(this.#output)?.[1];
    if (stage !== undefined) this.#fail(stage as FailedStage);
  }

  #fail(stage: FailedStage): void {
    this.#failure ??= stage;
  }
}

/** Kills what may still run in a directory whose supervisor is gone, and removes it. */
export async function removeAbandoned(directory: string, user: User | null): Promise<void> {
  const child = spawnScript(user, { LASTSEAT_DIRECTORY: directory, LASTSEAT_OWNER: '' });
  child.stdout?.resume();
  child.stdin?.on('error', () => {}).end();
  await endOf(child);
}

/** The environment is made from nothing: PGDATA, LANG or LD_PRELOAD of ours must not change what the server does. */
function spawnScript(user: User | null, variables: Record<string, string>): ChildProcess {
  return spawn('/bin/sh', ['-c', SCRIPT, 'lastseat-supervisor'], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...variables },
    ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
  });
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

function setReferenced(child: ChildProcess, referenced: boolean): void {
  const handles = [child, child.stdin, child.stdout] as { ref?(): void; unref?(): void }[];
  for (const handle of handles) {
    if (referenced) handle.ref?.();
    else handle.unref?.();
  }
}
