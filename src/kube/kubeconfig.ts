import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { errorMessage, FairleadError, systemErrorCode } from '../base/error.ts'
import type { ExecPlugin } from './exec-credential.ts'

export interface KubeconfigContent {
  /** Of cluster, user and context. */
  readonly name: string
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string
  readonly caPem: string
  readonly clientCertificatePem: string
  readonly clientKeyPem: string
}

export type KubeconfigCredentials =
  | { readonly type: 'certificate'; readonly certificatePem: string; readonly keyPem: string }
  | { readonly type: 'token'; readonly token: string }
  /** A file that somebody renews. */
  | { readonly type: 'token-file'; readonly path: string }
  /** A program that prints a token. */
  | { readonly type: 'exec'; readonly plugin: ExecPlugin }
  | { readonly type: 'none' }

/** How to reach an API server, from one context of a kubeconfig. */
export interface KubeconfigAccess {
  readonly context: string
  readonly server: string
  /** Certificates that may sign the server's; those of the system when left out. */
  readonly caPem?: string
  /** Name that the server's certificate must bear, where it is not the host of `server`. */
  readonly serverName?: string
  readonly namespace?: string
  readonly credentials: KubeconfigCredentials
}

/**
 * The text of a kubeconfig with one cluster and one user, everything embedded. The user can do what the certificate can:
 * write it for its owner only (mode 0600).
 */
export function kubeconfig(content: KubeconfigContent): string {
  const name = JSON.stringify(content.name)
  return `apiVersion: v1
kind: Config
clusters:
- name: ${name}
  cluster:
    server: ${JSON.stringify(content.server)}
    certificate-authority-data: ${base64(content.caPem)}
users:
- name: ${name}
  user:
    client-certificate-data: ${base64(content.clientCertificatePem)}
    client-key-data: ${base64(content.clientKeyPem)}
contexts:
- name: ${name}
  context:
    cluster: ${name}
    user: ${name}
current-context: ${name}
`
}

/**
 * Reads a kubeconfig file. Files that it names are read too, relative to its own place.
 *
 * @param context @default the current context
 * @throws FairleadError `NOT_FOUND` when a file is missing, `INVALID_INPUT` when the text is no kubeconfig, lacks the
 *   context, or asks for a way to log in that only kubectl has (`auth-provider`, user name and password).
 */
export async function loadKubeconfig(path: string, context?: string): Promise<KubeconfigAccess> {
  return await parseKubeconfig(readText(path, `the kubeconfig ${path}`), { path, ...(context && { context }) })
}

/** {@link loadKubeconfig} of a text; `path` is where it came from. */
export async function parseKubeconfig(
  text: string,
  { path, context }: { readonly path: string; readonly context?: string },
): Promise<KubeconfigAccess> {
  const config = await parseYaml(text, path)
  const chosen = context ?? config['current-context']
  if (typeof chosen !== 'string' || chosen === '') throw invalid(path, 'it has no current-context')
  const { cluster: clusterName, user: userName, namespace } = named(config, 'context', chosen, path)
  const cluster = named(config, 'cluster', clusterName, path)
  const user = userName === undefined || userName === '' ? {} : named(config, 'user', userName, path)
  const { server, 'tls-server-name': serverName } = cluster
  if (typeof server !== 'string') throw invalid(path, `cluster ${String(clusterName)} has no server`)
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw invalid(path, `cluster ${String(clusterName)} has insecure-skip-tls-verify, which Fairlead does not do`)
  }
  const caPem = embedded(cluster, 'certificate-authority', path)
  return {
    context: chosen,
    server,
    ...(caPem !== undefined && { caPem }),
    ...(typeof serverName === 'string' && { serverName }),
    ...(typeof namespace === 'string' && { namespace }),
    credentials: credentialsOf(user, path),
  }
}

type Fields = Readonly<Record<string, unknown>>

function credentialsOf(user: Fields, path: string): KubeconfigCredentials {
  const certificatePem = embedded(user, 'client-certificate', path)
  const keyPem = embedded(user, 'client-key', path)
  if (certificatePem !== undefined && keyPem !== undefined) return { type: 'certificate', certificatePem, keyPem }
  const { token, tokenFile } = user
  if (typeof tokenFile === 'string') return { type: 'token-file', path: resolve(dirname(path), tokenFile) }
  if (typeof token === 'string') return { type: 'token', token }
  if (isFields(user.exec)) return { type: 'exec', plugin: execPluginOf(user.exec, path) }
  for (const way of ['auth-provider', 'username']) {
    if (user[way] !== undefined) throw invalid(path, `its user logs in by "${way}"; wanted: certificate or token`)
  }
  return { type: 'none' }
}

/** A command with a slash in it is beside the kubeconfig, as for client-go. */
function execPluginOf({ command, apiVersion, args, env }: Fields, path: string): ExecPlugin {
  if (typeof command !== 'string' || command === '') throw invalid(path, 'its user logs in by "exec" without a command')
  const pairs = Array.isArray(env) ? env.filter(isFields).map(({ name, value }) => [String(name), String(value)]) : []
  return {
    apiVersion: typeof apiVersion === 'string' ? apiVersion : 'client.authentication.k8s.io/v1',
    command: command.includes('/') ? resolve(dirname(path), command) : command,
    args: Array.isArray(args) ? args.map(String) : [],
    env: Object.fromEntries(pairs),
  }
}

/** The `contexts`, `clusters` or `users` entry of that name, without its envelope. */
function named(config: Fields, what: 'context' | 'cluster' | 'user', name: unknown, path: string): Fields {
  const list: unknown = config[`${what}s`]
  const entry = Array.isArray(list) ? list.find((item: unknown) => isFields(item) && item.name === name) : undefined
  const content: unknown = entry?.[what]
  if (!isFields(content)) throw invalid(path, `it has no ${what} "${String(name)}"`)
  return content
}

/** `<key>-data` in base64, or the file that `<key>` names. */
function embedded(fields: Fields, key: string, path: string): string | undefined {
  const { [`${key}-data`]: data, [key]: file } = fields
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString()
  return typeof file === 'string' && file !== '' ? readBeside(path, file) : undefined
}

function readBeside(path: string, file: string): string {
  return readText(resolve(dirname(path), file), `${file}, named in the kubeconfig ${path}`)
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = systemErrorCode(cause) === 'ENOENT' ? 'NOT_FOUND' : 'INVALID_INPUT'
    throw new FairleadError(code, `Cannot read ${what}: ${errorMessage(cause)}`, { cause })
  }
}

async function parseYaml(text: string, path: string): Promise<Fields> {
  const own = ownFields(text)
  if (own !== undefined) return own
  // Most processes read no other kubeconfig than Fairlead's own.
  const { parse } = await import('../base/yaml.ts')
  try {
    const value: unknown = parse(text)
    if (isFields(value)) return value
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `Cannot read the kubeconfig ${path}: ${errorMessage(cause)}`, { cause })
  }
  throw invalid(path, 'it is not a YAML mapping')
}

const OWN =
  /^apiVersion: v1\nkind: Config\nclusters:\n- name: (".*")\n {2}cluster:\n {4}server: (".*")\n {4}certificate-authority-data: ([\w+/=]+)\nusers:\n- name: \1\n {2}user:\n {4}client-certificate-data: ([\w+/=]+)\n {4}client-key-data: ([\w+/=]+)\ncontexts:\n- name: \1\n {2}context:\n {4}cluster: \1\n {4}user: \1\ncurrent-context: \1\n$/

/** What {@link kubeconfig} wrote, and nobody has changed: read without a YAML parser, which takes longer than the rest. */
function ownFields(text: string): Fields | undefined {
  const [, quotedName = '', quotedServer = '', ca, certificate, key] = OWN.exec(text) ?? []
  if (key === undefined) return undefined
  const [name, server] = [JSON.parse(quotedName), JSON.parse(quotedServer)] as [string, string]
  return {
    clusters: [{ name, cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(path: string, why: string): FairleadError {
  return new FairleadError('INVALID_INPUT', `Cannot use the kubeconfig ${path}: ${why}`)
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
