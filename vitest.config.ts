import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['properties/**/*.test.ts'],
    exclude: ['properties/{testcontainers,server-tools}.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Two files at a time, also where there are two cores: half of the time a test waits for a server.
    maxWorkers: 2,
    // Of `npm run coverage`: the systems, by the tests that assert something of them in the same process.
    coverage: {
      include: ['sim/systems/**'],
      reporter: ['text-summary'],
      reportsDirectory: '.lastseat/coverage',
      thresholds: { statements: 95 },
    },
  },
});
