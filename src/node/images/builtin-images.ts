import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { systemErrorCode } from '../../base/error.ts'
import type { BindMount } from '../runtime/oci-spec.ts'
import { EMPTY_CONFIG, type Image, type ImageConfig } from './image.ts'
import { formatReference, type ImageReference } from './image-reference.ts'
import { knownImage } from './known-images.ts'

export interface BuiltinOptions {
  /** Where the bundled programs are: `echo.mjs`, `client.mjs`. */
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
  const advice = `to run the image itself: fairlead image add ${name} PATH`
  if (known.kind === 'shell') {
    const notice = `Image "${name}" is not pulled: a shell with this machine's programs runs in its place; ${advice}`
    return { kind: 'known', name, ...shellImage(name), notice }
  }
  const echo = programImage('echo', options)
  const env = [`FAIRLEAD_DEFAULT_PORT=${known.port}`]
  const notice = `Image "${name}" is not pulled: fairlead/echo answers in its place; ${advice}`
  return { kind: 'known', name, ...echo, config: { ...echo.config, env: [...echo.config.env, ...env] }, notice }
}

/** A program of Fairlead under Node.js. Both are files of the machine and are lent to the container read-only. */
function programImage(program: string, options: BuiltinOptions): Pick<Image, 'id' | 'root' | 'config'> {
  const inContainer = `/fairlead/${program}.mjs`
  const files: BindMount[] = [
    { source: options.nodePath ?? process.execPath, destination: NODE_IN_CONTAINER, readOnly: true },
    { source: join(options.builtinDirectory, `${program}.mjs`), destination: inContainer, readOnly: true },
  ]
  return {
    id: `builtin:fairlead/${program}`,
    root: { kind: 'host-view', files },
    config: hostViewConfig([NODE_IN_CONTAINER, inContainer], []),
  }
}

/** The DNS server, with the library by which it calls the kernel where this machine has one. */
function dnsImage(options: BuiltinOptions): Pick<Image, 'id' | 'root' | 'config'> {
  const files: BindMount[] = [
    { source: options.nodePath ?? process.execPath, destination: NODE_IN_CONTAINER, readOnly: true },
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
function clientImage(options: BuiltinOptions): Pick<Image, 'id' | 'root' | 'config'> {
  const { id, root } = programImage('client', options)
  return { id, root, config: hostViewConfig([], SLEEP) }
}

function shellImage(name: string): Pick<Image, 'id' | 'root' | 'config'> {
  return { id: `builtin:${name}`, root: { kind: 'host-view', files: [] }, config: hostViewConfig([], SLEEP) }
}

export function hostViewConfig(entrypoint: readonly string[], command: readonly string[]): ImageConfig {
  const env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
  return { ...EMPTY_CONFIG, entrypoint, command, env }
}
