import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['properties/**/*.test.ts'],
    exclude: ['properties/testcontainers.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
