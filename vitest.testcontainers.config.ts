import { defineConfig } from 'vitest/config';

/** The suite that needs a container engine: it fails where none answers. */
export default defineConfig({
  test: { include: ['properties/testcontainers.test.ts', 'properties/server-tools.test.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
});
