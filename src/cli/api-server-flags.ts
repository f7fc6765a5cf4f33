import { type Command, Option } from 'commander'
import type { ApiServerOptions } from '../cluster/api-server-settings.ts'
import { wholeNumber } from './option-parsers.ts'

/** One of kube-apiserver's flags, under its name. */
interface Flag {
  readonly name: keyof ApiServerOptions
  readonly flag: string
  readonly value: string
  readonly text: string
  readonly number?: boolean
}

const FLAGS: readonly Flag[] = [
  {
    name: 'auditPolicyFile',
    flag: '--audit-policy-file',
    value: '<file>',
    text: 'an audit.k8s.io/v1 Policy (without it: who did what, no contents)',
  },
  { name: 'auditLogPath', flag: '--audit-log-path', value: '<file>', text: 'write requests to the API down there' },
  {
    name: 'auditLogMaxsize',
    flag: '--audit-log-maxsize',
    value: '<megabytes>',
    text: 'put the audit log aside when it is larger (default 100)',
    number: true,
  },
  {
    name: 'auditLogMaxbackup',
    flag: '--audit-log-maxbackup',
    value: '<count>',
    text: 'audit logs to keep that were put aside (default 0: all)',
    number: true,
  },
  {
    name: 'auditLogMaxage',
    flag: '--audit-log-maxage',
    value: '<days>',
    text: 'how long to keep them (default 0: for ever)',
    number: true,
  },
  {
    name: 'maxRequestsInflight',
    flag: '--max-requests-inflight',
    value: '<count>',
    text: 'requests that read, at once; 0 for any number (default 400)',
    number: true,
  },
  {
    name: 'maxMutatingRequestsInflight',
    flag: '--max-mutating-requests-inflight',
    value: '<count>',
    text: 'requests that change something, at once; 0 for any number (default 200)',
    number: true,
  },
  {
    name: 'requestTimeout',
    flag: '--request-timeout',
    value: '<duration>',
    text: 'how long the API server may work on a request (default 1m0s)',
  },
]

/** Adds the flags to a command. */
export function addApiServerFlags(command: Command): Command {
  for (const { flag, value, text, number } of FLAGS) {
    const option = new Option(`${flag} ${value}`, text)
    command.addOption(number === true ? option.argParser(wholeNumber) : option)
  }
  return command
}

/** Those that were given, as the command has parsed them. */
export function apiServerOptionsOf(options: Readonly<Record<string, unknown>>): ApiServerOptions {
  const given = FLAGS.filter(({ name }) => options[name] !== undefined).map(({ name }) => [name, options[name]])
  return Object.fromEntries(given)
}

/** The same, as arguments of another call. */
export function apiServerArguments(options: ApiServerOptions): string[] {
  return FLAGS.flatMap(({ name, flag }) => (options[name] === undefined ? [] : [flag, String(options[name])]))
}
