/** SET, RESET, SHOW, set_config and current_setting, and what drivers and ORMs ask when they connect: every interleaving on the model, every transition on a server. */
import { describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { search } from '../src/explore/search.js';
import { addOne, block, lockOne, onServer, RC, RR } from './model-cases.js';
import { modelOf } from './model-scripts.js';

const { conforms } = onServer();
const tenant = (value: string, isLocal: boolean) => `SELECT set_config('app.tenant', '${value}', ${isLocal})`;
const SHOWN = "SELECT current_setting('app.tenant', true) AS tenant";

describe('settings', () => {
  conforms([
    {
      name: "of a transaction end with it, and a setting of one's own is empty then",
      scripts: [
        [SHOWN, block(tenant('1', true), SHOWN), SHOWN, "SELECT current_setting('app.tenant') AS tenant"].join('; '),
        block("SET LOCAL app.tenant = 'a'", 'SHOW app.tenant'),
      ],
      at: RC,
    },
    {
      name: 'of a session are undone with the transaction and the savepoint that set them',
      scripts: [
        [
          'BEGIN',
          "SET app.tenant = '1'",
          'SAVEPOINT s',
          "SET LOCAL app.tenant = '2'",
          "SET app.other TO 'x'",
          SHOWN,
          'ROLLBACK TO s',
          SHOWN,
          'COMMIT',
          SHOWN,
          'SHOW app.other',
        ].join('; '),
        [
          'BEGIN',
          tenant('3', false),
          'ROLLBACK',
          SHOWN,
          'BEGIN',
          'SAVEPOINT s',
          'SET LOCAL app.tenant = 4',
          'RELEASE s',
          SHOWN,
          'COMMIT',
          SHOWN,
        ].join('; '),
      ],
      at: RC,
    },
    {
      name: 'of a session stay behind a local one, and replace it',
      scripts: [
        [
          'BEGIN',
          "SET app.a = 'session'",
          "SET LOCAL app.a = 'local'",
          'SHOW app.a',
          'COMMIT',
          'SHOW app.a',
          'BEGIN',
          "SET LOCAL app.a = 'local'",
          "SET app.a = 'again'",
          'SHOW app.a',
          'COMMIT',
          'SHOW app.a',
          'RESET app.a',
          'SHOW app.a',
        ].join('; '),
      ],
      at: RC,
    },
    {
      name: 'that nobody has named are not there',
      scripts: [
        "SHOW app.nothing; SELECT current_setting('app.nothing')",
        'SHOW no_such_setting; SET no_such_setting = 1; RESET no_such_setting',
        "SET LOCAL app.x = '1'; SHOW app.x",
      ],
      sees: ['42704'],
      at: RC,
    },
    {
      name: 'decide which rows a query finds',
      scripts: [
        [
          tenant('2', false),
          "SELECT id FROM items WHERE id = current_setting('app.tenant')::int",
          "UPDATE items SET v = v + 1 WHERE id = current_setting('app.tenant', true)::int RETURNING v",
        ].join('; '),
        block(addOne(2)),
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'fail in an aborted transaction, and abort one',
      scripts: [block('SELECT 1/0', "SET app.x = '1'"), block("SET lock_timeout = 'soon'", addOne())],
      sees: ['25P02', '22023'],
      at: RC,
      stubborn: true,
    },
    {
      name: 'take no snapshot',
      scripts: [
        ['BEGIN', "SET LOCAL app.x = '1'", 'SHOW app.x', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', lockOne('UPDATE'), 'COMMIT'].join(
          '; ',
        ),
        addOne(),
      ],
      at: RR,
    },
  ]);
});

describe('timers are told, and do not go off', () => {
  conforms(
    ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout'].map((timer) => ({
      name: `${timer} of a transaction that waits`,
      scripts: [
        block(`SET LOCAL ${timer} = '1ms'`, `SHOW ${timer}`, addOne()),
        block(`SET LOCAL ${timer} TO 90000`, addOne(), `SHOW ${timer}`),
      ],
      sees: ['waits'],
      at: RC,
    })),
  );
  conforms([
    {
      name: 'with set_config, and for a session',
      scripts: [
        [
          "SELECT set_config('lock_timeout', '2s', false) AS told",
          'SHOW lock_timeout',
          "SELECT current_setting('lock_timeout') AS told",
          addOne(),
          'RESET lock_timeout',
          'SHOW lock_timeout',
        ].join('; '),
        [
          'BEGIN',
          "SET lock_timeout = '1min'",
          'ROLLBACK',
          'SHOW lock_timeout',
          "SET SESSION statement_timeout TO '3h'",
          'SHOW statement_timeout',
          'SET statement_timeout TO DEFAULT',
          'SHOW statement_timeout',
          addOne(),
        ].join('; '),
      ],
      at: RC,
    },
    {
      name: 'with values that PostgreSQL refuses',
      scripts: [
        "SET lock_timeout = -1; SET lock_timeout = '1 fortnight'; SET lock_timeout = 99999999999",
        "SET lock_timeout = '1.5s'; SHOW lock_timeout",
      ],
      sees: ['22023'],
      at: RC,
    },
  ]);
});

describe('the level of transactions that name none', () => {
  conforms(
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      "SET default_transaction_isolation = 'repeatable read'",
    ].map((statement) => ({
      name: `is what ${statement} says`,
      scripts: [[statement, block('SELECT v FROM items WHERE id = 1', addOne()), 'SHOW transaction_isolation'].join('; '), addOne()],
      sees: ['40001'],
      at: RC,
    })),
  );
  conforms([
    {
      name: 'is read only where a session says so',
      scripts: [
        'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SHOW default_transaction_read_only; BEGIN; UPDATE items SET v = 2; COMMIT; BEGIN READ WRITE; UPDATE items SET v = 2 WHERE id = 1; COMMIT',
      ],
      sees: ['25006'],
      at: RC,
    },
  ]);
});

describe('what drivers and ORMs ask of a session', () => {
  conforms([
    {
      name: 'the version',
      scripts: ["select version(); SELECT pg_catalog.version() AS v; SHOW server_version; select current_setting('server_version_num')"],
      at: RC,
    },
    {
      name: 'the schema and the database',
      scripts: ['SELECT current_schema(); SELECT * FROM current_schema(); SELECT current_schema, current_database()'],
      at: RC,
    },
    {
      name: 'settings with their usual values',
      scripts: [
        "SET client_min_messages TO warning; SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE; SHOW TIME ZONE",
        "SET TIME ZONE 'UTC'; SHOW timezone; SET standard_conforming_strings = on; SET client_encoding TO 'UTF8'; SET NAMES 'utf8'; SET DateStyle TO ISO; SET application_name = 'web'; SHOW application_name",
        'SET search_path TO public; SHOW search_path; SELECT id FROM items WHERE id = 1; SET search_path = "$user", public; SET extra_float_digits = 3; SHOW client_encoding',
      ],
      at: RC,
    },
    {
      name: 'several settings in one query',
      scripts: [
        ["SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE;"],
        ["SET app.a = '1'; SET lock_timeout = 'x'", 'SHOW app.a'],
      ],
      sees: ['22023'],
      at: RC,
    },
  ]);
});

describe('statements that others do not see', () => {
  conforms([
    {
      name: 'NOTIFY and its like',
      scripts: [
        block("NOTIFY c, 'x'", 'NOTIFY "C"', "SELECT pg_notify('c', 'x')"),
        "LISTEN c; UNLISTEN c; UNLISTEN *; SELECT pg_notify('', 'x')",
      ],
      sees: ['22023'],
      at: RC,
    },
    {
      name: 'empty queries',
      scripts: [
        ['BEGIN', '', ' -- nothing', ';', 'COMMIT'],
        ['SELECT 1/0', ''],
      ],
      at: RC,
    },
  ]);
});

describe('several statements in one query', () => {
  conforms([
    {
      name: 'are an error, and tell what to do',
      scripts: [
        ['BEGIN; UPDATE items SET v = 2', 'SELECT v FROM items WHERE id = 1'],
        ['BEGIN', 'SELECT 1; SELECT 2', 'COMMIT'],
      ],
      sees: ['42601'],
      at: RC,
    },
  ]);
});

describe('settings that change what statements mean are refused', () => {
  for (const statement of [
    "SET TIME ZONE 'Europe/Berlin'",
    "SET DateStyle TO 'German'",
    'SET search_path TO other, public',
    'SET ROLE somebody',
    'SET SESSION AUTHORIZATION somebody',
    'SET session_replication_role = replica',
    'SET standard_conforming_strings = off',
    'SET enable_seqscan = off',
    'RESET ALL',
    'RESET default_transaction_isolation',
  ])
    test(statement, async () => {
      const { engine, machine } = modelOf({
        schema: 'CREATE TABLE t (id int PRIMARY KEY);',
        seed: '',
        scripts: [[statement]],
        isolation: 'READ COMMITTED',
        stubborn: false,
      });
      await expect(search(machine, engine, { maxStates: 100 })).rejects.toBeInstanceOf(UnmodelledError);
    });
});
