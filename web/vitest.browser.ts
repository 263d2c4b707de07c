// How the tests in a real Chromium are run: one after the other, because each has a server of its own to kill.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['tests/*.browser.ts'],
    // Pictures are made on demand, and a whole run is what its own test starts.
    exclude: [
      ...(process.env.ATTUNE_SHOTS ? [] : ['tests/shots.browser.ts']),
      ...(process.env.ATTUNE_LABEL || process.env.ATTUNE_WATCH ? [] : ['tests/whole.browser.ts']),
    ],
    fileParallelism: false,
    // Only a page that hangs takes so long, on however busy a machine.
    testTimeout: 600_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
