/** How the embedded server is set: for speed, little memory, and nothing that happens on a timer of the server's own. */

/**
 * `--auth=trust`: only the socket's directory lets anybody in, and that is private. Dynamic shared memory is a file in the data directory
 * already while initdb runs: its default is one in /dev/shm, which stays there when initdb is killed (version 15 cannot be told).
 */
export function initdbOptions(major: number): string[] {
  const options = ['--username=postgres', '--no-sync', '--locale=C', '--encoding=UTF8', '--auth=trust', '--wal-segsize=1', '--no-clean'];
  if (major >= 16) options.push('--set=dynamic_shared_memory_type=mmap');
  if (major >= 18) options.push('--no-data-checksums');
  return options;
}

/**
 * The data are scratch, so nothing is ever synced. `synchronous_commit` stays on: with fsync off it costs a write to memory, and a
 * commit that was acknowledged then survives when a run kills every process of the server to see what a crash does.
 * `dynamic_shared_memory_type = mmap` keeps that memory in the data directory, where it goes with it.
 */
export function clusterSettings(major: number, options: { socketDirectory: string; clusterName: string }): Record<string, string> {
  return {
    listen_addresses: '',
    unix_socket_directories: options.socketDirectory,
    unix_socket_permissions: '0700',
    cluster_name: options.clusterName,
    max_connections: '40',
    shared_buffers: '8MB',
    huge_pages: 'off',
    dynamic_shared_memory_type: 'mmap',
    fsync: 'off',
    synchronous_commit: 'on',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_replication_slots: '0',
    wal_buffers: '256kB',
    min_wal_size: '2MB',
    max_wal_size: '8MB',
    checkpoint_timeout: '1d',
    bgwriter_lru_maxpages: '0',
    bgwriter_delay: '10s',
    wal_writer_delay: '10s',
    autovacuum: 'off',
    track_counts: 'off',
    jit: 'off',
    max_worker_processes: '0',
    max_parallel_workers: '0',
    max_parallel_workers_per_gather: '0',
    max_logical_replication_workers: '0',
    max_prepared_transactions: '0',
    deadlock_timeout: '60s',
    update_process_title: 'off',
    log_min_messages: 'fatal',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Version 18 would otherwise start three I/O workers.
    ...(major >= 18 ? { io_method: 'sync', autovacuum_worker_slots: '1' } : {}),
  };
}
