import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { systemErrorCode } from '../../base/error.ts'
import type { BindMount } from '../runtime/oci-spec.ts'
import { EMPTY_CONFIG, type Image, type ImageConfig } from './image.ts'
import { formatReference, type ImageReference } from './image-reference.ts'
import { type KnownImage, knownImage } from './known-images.ts'

export interface BuiltinOptions {
  /** Where the bundled programs are: `echo.mjs`, `client.mjs`, `agnhost.cjs`, `pause`, `dns/`. */
  readonly builtinDirectory: string
  /** The program that runs them. @default process.execPath */
  readonly nodePath?: string
}

/** Where a container finds the program that runs the built-in ones. */
const NODE_IN_CONTAINER = '/fairlead/node'

/** Sleeps for as long as the pod lives, ends at once on SIGTERM, and reaps what `exec` leaves. */
const SLEEP = ['/bin/sh', '-c', 'trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done']

/** `fairlead/NAME`, or the substitute of a well-known image; `undefined` for any other name. */
export function builtinImage(reference: ImageReference, options: BuiltinOptions): Image | undefined {
  const name = formatReference(reference)
  if (reference.registry === 'docker.io' && reference.repository === 'fairlead/echo') {
    return { kind: 'builtin', name, ...programImage('echo', options) }
  }
  if (reference.registry === 'docker.io' && reference.repository === 'fairlead/dns') {
    return { kind: 'builtin', name, ...dnsImage(options) }
  }
  if (reference.registry === 'docker.io' && reference.repository === 'fairlead/client') {
    return { kind: 'builtin', name, ...clientImage(options) }
  }
  return substitute(reference, options)
}

function substitute(reference: ImageReference, options: BuiltinOptions): Image | undefined {
  const known = knownImage(reference)
  if (known === undefined) return undefined
  const name = formatReference(reference)
  const { image, what } = standIn(known, name, options)
  const notice = `Image "${name}" is not pulled: ${what} in its place; to run the image itself: fairlead image add ${name} PATH`
  return { kind: 'known', name, ...image, notice }
}

type Content = Pick<Image, 'id' | 'root' | 'config'>

function standIn(known: KnownImage, name: string, options: BuiltinOptions): { image: Content; what: string } {
  switch (known.kind) {
    case 'shell':
      return { image: shellImage(name), what: "a shell with this machine's programs runs" }
    case 'pause':
      return { image: pauseImage(options), what: 'a program that waits runs' }
    case 'agnhost':
      return { image: agnhostImage(options), what: 'a program that knows its subcommands for networks runs' }
    case 'server': {
      const echo = programImage('echo', options)
      const env = [...echo.config.env, `FAIRLEAD_DEFAULT_PORT=${known.port}`]
      return { image: { ...echo, config: { ...echo.config, env } }, what: 'fairlead/echo answers' }
    }
    default:
      return known satisfies never
  }
}

function nodeFile(options: BuiltinOptions): readonly BindMount[] {
  return [{ source: options.nodePath ?? process.execPath, destination: NODE_IN_CONTAINER, readOnly: true }]
}

/** A program of Fairlead under Node.js. Both are files of the machine and are lent to the container read-only. */
function programImage(program: string, options: BuiltinOptions): Content {
  const inContainer = `/fairlead/${program}.mjs`
  const files: BindMount[] = [
    ...nodeFile(options),
    { source: join(options.builtinDirectory, `${program}.mjs`), destination: inContainer, readOnly: true },
  ]
  return {
    id: `builtin:fairlead/${program}`,
    root: { kind: 'host-view', files },
    config: hostViewConfig([NODE_IN_CONTAINER, inContainer], []),
  }
}

/** One file, under the names by which manifests call it. It brings the machine's tools where the original has its own. */
function agnhostImage(options: BuiltinOptions): Content {
  const source = join(options.builtinDirectory, 'agnhost.cjs')
  const files = ['/agnhost', '/agnhost-2'].map((destination) => ({ source, destination, readOnly: true }))
  return {
    id: 'builtin:fairlead/agnhost',
    root: { kind: 'host-view', files: [...nodeFile(options), ...files] },
    config: hostViewConfig(['/agnhost'], ['pause']),
  }
}

/** `/pause`, as manifests call it by its path. */
function pauseImage(options: BuiltinOptions): Content {
  const file = { source: join(options.builtinDirectory, 'pause'), destination: '/pause', readOnly: true }
  return {
    id: 'builtin:fairlead/pause',
    root: { kind: 'host-view', files: [file] },
    config: hostViewConfig(['/pause'], []),
  }
}

/** The DNS server, with the library by which it calls the kernel where this machine has one. */
function dnsImage(options: BuiltinOptions): Content {
  const files: BindMount[] = [
    ...nodeFile(options),
    { source: join(options.builtinDirectory, 'dns'), destination: '/fairlead/dns', readOnly: true },
    ...libraryDirectories().map((source) => ({
      source,
      destination: `/fairlead/node_modules/${basename(source)}`,
      readOnly: true,
    })),
  ]
  return {
    id: 'builtin:fairlead/dns',
    root: { kind: 'host-view', files },
    config: hostViewConfig([NODE_IN_CONTAINER, '/fairlead/dns/dns.mjs'], []),
  }
}

/** koffi and its native parts, which stand in a directory beside it. */
function libraryDirectories(): readonly string[] {
  try {
    const packages = dirname(dirname(createRequire(import.meta.url).resolve('koffi')))
    return [join(packages, 'koffi'), join(packages, '@koromix')].filter((directory) => existsSync(directory))
  } catch (error) {
    if (systemErrorCode(error) === 'MODULE_NOT_FOUND') return []
    throw error
  }
}

/** A shell that sleeps, with a program at hand for what the machine's own tools cannot ask. */
function clientImage(options: BuiltinOptions): Content {
  const { id, root } = programImage('client', options)
  return { id, root, config: hostViewConfig([], SLEEP) }
}

function shellImage(name: string): Content {
  return { id: `builtin:${name}`, root: { kind: 'host-view', files: [] }, config: hostViewConfig([], SLEEP) }
}

export function hostViewConfig(entrypoint: readonly string[], command: readonly string[]): ImageConfig {
  const env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
  return { ...EMPTY_CONFIG, entrypoint, command, env }
}
