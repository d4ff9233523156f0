import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['properties/**/*.test.ts'],
    exclude: ['properties/testcontainers.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Two files at a time, also where there are two cores: half of the time a test waits for a server.
    maxWorkers: 2,
  },
});
