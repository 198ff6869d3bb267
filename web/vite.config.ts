import { join } from 'node:path'
import { defineConfig } from 'vite'

/* Builds the console from web/app. `--outDir` says where to; the default is web/dist. */

export default defineConfig({
  root: join(import.meta.dirname, 'app'),
  base: '/',
  publicDir: false,
  resolve: { conditions: ['browser', 'module', 'import', 'default'] },
  build: {
    outDir: join(import.meta.dirname, 'dist'),
    emptyOutDir: true,
    target: 'es2023',
    // The strict policy of headers.ts: nothing inline, not even a data URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    // `use client` is for frameworks that render on a server.
    rolldownOptions: { onwarn: (warning, warn) => (warning.code === 'MODULE_LEVEL_DIRECTIVE' ? undefined : warn(warning)) },
  },
})
