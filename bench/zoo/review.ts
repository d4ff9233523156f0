/** What a reviewer should look for, by class of bug. A test holds that every class of the zoo is here, and no other. */
export const REVIEW: Readonly<Record<string, string>> = {
  'check-then-insert without a lock':
    'A count or a search, an `if`, and an INSERT that rests on it. Ask what makes a second transaction wait or fail between the two: `BEGIN` alone does not, and neither does REPEATABLE READ.',
  'check outside the transaction':
    'A check on one connection or in one transaction, and the write it was for in the next. The lock may be right and is too late: what was read before it has to be read again under it.',
  'lock on the rows that exist':
    '`SELECT ... FOR UPDATE` on the rows that are being counted. Where there are none yet, nothing is locked; lock the row of what is limited.',
  'lost update of a counter':
    'A number is read, changed in the program, and written back as a value. Look for `SET n = $1` where `SET n = n - $1`, a version in the WHERE, or a lock on the read was meant.',
  'row count ignored': 'An UPDATE or DELETE with a guard in its WHERE, and nobody who asks how many rows it changed. None is an answer.',
  'check and insert in one statement':
    '`INSERT ... SELECT ... WHERE` with a count in it, taken for atomic. A statement sees its snapshot: two at once count the same rows and both insert.',
  'lock on the wrong row':
    'A lock that is taken on something else than what is limited: the user, the first of several nights, the tenant of the session. Two requests that compete must lock a row in common.',
  'FOR SHARE instead of FOR UPDATE':
    '`FOR SHARE` or `FOR KEY SHARE` before a write that rests on the read. Several may hold it at once: it keeps out those who write that row, and not those who hold it too.',
  'read before the lock and not read again after it':
    'A row or a count is read, then a lock is waited for, then the decision is taken on what was read first. Every read that the decision rests on belongs behind the lock.',
  'lock, then count, at REPEATABLE READ':
    'A pattern that is right at READ COMMITTED, in a transaction of a higher level. The snapshot is taken by the statement that waits for the lock, and the count does not see what the holder committed.',
  'write skew under REPEATABLE READ':
    'REPEATABLE READ where SERIALIZABLE was meant, often with the retry that only SERIALIZABLE needs. Writes to different rows never conflict there.',
  'one path SERIALIZABLE and one not':
    'SERIALIZABLE named in one place, and another place that writes the same tables at the default level: a batch job, an admin page, a restore. PostgreSQL tracks only the conflicts among SERIALIZABLE transactions.',
  'advisory lock released before the commit':
    '`pg_advisory_unlock`, or the end of a lock service’s lease, before the COMMIT. Between the two the next one counts without the row that is about to appear.',
  'advisory lock with the wrong key':
    'The key of an advisory lock is made from more than what is limited, such as the first day or the user. Requests that compete then hash to different keys.',
  'lock that fails open':
    '`pg_try_advisory_lock`, `NOWAIT`, or a lock service whose failure is caught, followed by the same work as with the lock.',
  'half-open versus closed date ranges':
    'Two comparisons of the same windows with `<` in one and `<=` in the other. Ask for a test in which one window ends where the next begins.',
  'retry that repeats only the write':
    'A retry loop around a statement and not around the transaction. After 40001 everything that was read is void, the check included.',
  'status change that skips the capacity check':
    'A status that takes up room is set by another path than the one that books: reactivate, approve, confirm a late payment. Each of them needs the check and the lock.',
  'double cancel':
    'A status is looked at and then changed, without the old status in the WHERE of the UPDATE and without a lock. Two of them both give back.',
  'double release':
    'A counter is changed after a look at a status that another transaction may be changing, too. The UPDATE of the status must name the old one, and its row count decides.',
  'double confirm':
    'A confirmation that can be delivered twice, and no unique constraint on what it makes. The look at the status does not see the other one’s uncommitted change.',
  'derived rows forgotten on cancel':
    'A ledger, a counter or a search table beside the bookings, and a path that changes one of the two. List the paths, and look for each in both.',
  'derived rows trusted where they are missing':
    'A table that was introduced later is taken for complete. What is older has no rows in it and counts as nothing.',
  'capacity lowered below what is booked':
    'A form that changes capacity, and checks against the bookings without the lock that bookers take.',
  'relative write with a stale guard':
    '`SET n = n + $1` behind an `if` in the program. The addition is right and the condition is old: it belongs in the WHERE, or behind a lock.',
  'locks in inconsistent order, the deadlock swallowed':
    'Locks taken in the order of the request, and a `catch` that goes on. A deadlock’s victim is rolled back: whoever goes on acknowledges what is not there.',
  'confirm without re-checking expiry':
    'Something with a time of expiry is confirmed by its status alone. Until the sweeper comes it is still active, and may have been given to somebody else.',
  'sweeper without a status guard':
    'A background job that makes a list first and then works on each entry. By then the entry may have been confirmed: its UPDATE must name the status that was listed.',
  'stale holds keep counting':
    'A sweeper that passes over what is locked, or fails on one entry and reports success. Capacity is then held by nobody, and no error says so.',
  'crash between two transactions that should be one':
    'Two transactions, the first of which leaves a state that only the second puts right. Ask what others see between them, and what is left if the process ends there.',
  'idempotency key checked and then inserted':
    'A SELECT for the key, and an INSERT where there is none. Only a unique constraint decides between two that come at once.',
  'idempotency key stored after the work':
    'The key is stored in another transaction than the work, later. A second delivery between the two finds no key and does the work again.',
  'ON CONFLICT DO UPDATE overwrites a completed key':
    '`ON CONFLICT DO UPDATE` on a table of keys without a condition. It turns a key that is complete into one that is being worked on.',
  'retry after a lost acknowledgement without an idempotency key':
    'A client that retries after a timeout or a lost connection. The COMMIT may have happened: without a key that stays the same the order is placed twice.',
  'continuing after an error inside a transaction':
    'A `catch` inside a transaction that goes on to COMMIT. After an error PostgreSQL answers COMMIT with ROLLBACK, and reports no error for it.',
  'SKIP LOCKED used to count': '`SKIP LOCKED` in anything but a queue. What is locked is left out, so a sum over the rest is too small.',
  'trusting a cached count':
    'A decision that rests on a cache which is told after the commit. Between commit and cache the next one decides on the old count.',
  'count without the tenant':
    'A WHERE of a count that lacks the tenant which the lock and the INSERT have. It refuses what there would be room for, and no invariant of capacity tells.',
  'torn backup':
    'A backup that reads table after table without one REPEATABLE READ transaction around all of them. Its parts are of different moments.',
  'backup without a table that belongs to it':
    'A list of tables to back up that was written once. A table that was added since keeps its rows through a restore, beside older ones.',
  'idempotency keys not in the backup':
    'What makes a retry harmless is kept outside of what is backed up. After a restore the keys of restored orders are unknown, and the orders can be placed again.',
  'a half-written file accepted':
    'A backup that is written under its final name, and a restore that takes whatever can be parsed. Look for a write to another name with a rename, and for a checksum.',
  'ledger and bookings restored from different backups':
    'A restore that looks for the newest file of each part. One backup may have ended between the two.',
  'restore without a lock':
    'A restore in one transaction that locks no tables. What is booked while it runs is neither deleted by it nor in the backup.',
  'restore that is not atomic':
    'DELETE and INSERT of a restore in two transactions. Between them the tables are empty and everything is free.',
  'restore by upsert that leaves newer rows':
    'A restore that only inserts and updates. Rows that are newer than the backup stay, beside older ones that they do not fit.',
  'restore without the sweep':
    'A restore of things that expire. Those that have expired since the backup come back active, and nobody may be there to end them.',
  'TRUNCATE beside a running backup':
    '`TRUNCATE` in a restore or a clean-up. It is not MVCC-safe: a transaction with an older snapshot that reads the table afterwards finds it empty.',
  'sequences not moved by a restore':
    'Rows that are inserted with their ids, and a sequence that has not been set behind them. The next ids are refused as duplicates.',
  'sequences moved backward by a restore':
    '`setval` to the highest id of a backup. Ids that were given out since are given out again, to somebody else.',
};
