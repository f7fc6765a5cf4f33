// Bundles src/ into dist/: a file per program, and others for what it loads later, so that a process starts in tens of milliseconds.
// Types are checked by `npm run types`, not here.
import { chmodSync, copyFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

// Bundled CommonJS packages call require() for Node.js's own modules.
const requireShim =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minifySyntax: true,
  // Modules of packages leave out what nobody calls; CommonJS is taken whole.
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  logLevel: 'warning',
}

/** What is a program of its own is loaded as that, and not built into those that call it. */
const ownPrograms = {
  name: 'own-programs',
  setup({ onResolve }) {
    onResolve({ filter: /\/trace-program\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './trace.js', external: true } : undefined,
    )
  },
}

rmSync(join(root, 'dist'), { recursive: true, force: true })

const programs = {
  fairlead: 'src/cli/main.ts',
  'control-plane': 'src/cluster/control-plane-main.ts',
  agent: 'src/cluster/agent-main.ts',
  'dns-worker': 'src/dns/dns-worker-main.ts',
}

// Each by itself: what programs share would be cut into as many files as there are ways to share, and every file that a
// process reads at its start costs it a millisecond.
for (const [name, entry] of Object.entries(programs)) {
  await build({
    ...common,
    entryPoints: { [name]: entry },
    outdir: 'dist',
    splitting: true,
    chunkNames: `${name}-[hash]`,
    // Packages with prebuilt native parts find them relative to themselves.
    external: ['koffi', 'lmdb'],
    banner: { js: requireShim },
    plugins: [ownPrograms],
  })
}

// A trace is over before the many files of the command line are read: it has all that it needs in one.
await build({
  ...common,
  entryPoints: { trace: 'src/cli/trace-program.ts' },
  minifyWhitespace: true,
  outdir: 'dist',
  // For the parser of YAML, which only kubeconfigs of others need.
  splitting: true,
  chunkNames: 'trace-[hash]',
  external: ['koffi', 'lmdb'],
  banner: { js: requireShim },
})

await build({
  ...common,
  entryPoints: { echo: 'src/node/images/echo.ts', client: 'src/node/images/client.ts' },
  outdir: 'dist/images',
  outExtension: { '.js': '.mjs' },
  sourcemap: false,
})

// Called by their names in containers, which CommonJS allows without an extension.
await build({
  ...common,
  entryPoints: { agnhost: 'src/node/images/agnhost/agnhost-main.ts' },
  outdir: 'dist/images',
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  sourcemap: false,
})
copyFileSync(join(root, 'src/node/images/pause.sh'), join(root, 'dist/images/pause'))
for (const name of ['agnhost.cjs', 'pause']) chmodSync(join(root, 'dist/images', name), 0o755)

// Its parts are loaded as they are needed: what calls the kernel is not to be had on every machine.
for (const [name, entry] of Object.entries({ dns: 'src/dns/dns-main.ts', 'dns-worker': programs['dns-worker'] })) {
  await build({
    ...common,
    entryPoints: { [name]: entry },
    outdir: 'dist/images/dns',
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: `${name}-[hash]`,
    external: ['koffi'],
    sourcemap: false,
    banner: { js: requireShim },
  })
}
