/** What `fairlead/echo` listens on; shared by the program and by who starts it. */
export interface EchoPort {
  readonly protocol: 'http' | 'tcp' | 'udp'
  readonly port: number
}

const PROTOCOLS = ['http', 'tcp', 'udp'] as const

/**
 * Ports in the order of preference: arguments (`--http=8080 --udp=53`), variables (`ECHO_HTTP=8080,8081`), the
 * container's declared ports (`FAIRLEAD_PORTS=http:80,udp:53`), the port that the replaced image is known for, 80.
 * Arguments that say something else are for the replaced image and are left alone.
 */
export function echoPorts(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly EchoPort[] {
  const told = [args.flatMap(fromArgument), PROTOCOLS.flatMap((name) => ports(name, env[`ECHO_${name.toUpperCase()}`]))]
  const declared = (env.FAIRLEAD_PORTS ?? '').split(',').flatMap(fromDeclared)
  const fallback = ports('http', env.FAIRLEAD_DEFAULT_PORT ?? '80')
  return [...told, declared, fallback].find((found) => found.length > 0) ?? []
}

/** The value of `FAIRLEAD_PORTS` for a container's ports: TCP is HTTP unless its name begins with `tcp`. */
export function declaredPorts(
  ports: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[],
): string {
  return ports
    .flatMap(({ name, containerPort, protocol = 'TCP' }) => {
      if (protocol === 'UDP') return `udp:${containerPort}`
      if (protocol !== 'TCP') return []
      return /^tcp(-|$)/.test(name ?? '') ? `tcp:${containerPort}` : `http:${containerPort}`
    })
    .join(',')
}

function fromArgument(argument: string): EchoPort[] {
  const match = /^--(http|tcp|udp)=([\d,]+)$/.exec(argument)
  return match === null ? [] : ports(match[1], match[2])
}

function fromDeclared(text: string): EchoPort[] {
  const [protocol, port] = text.split(':')
  return ports(protocol, port)
}

function ports(protocol: string | undefined, list: string | undefined): EchoPort[] {
  const known = PROTOCOLS.find((name) => name === protocol)
  if (known === undefined || list === undefined) return []
  return list
    .split(',')
    .map(Number)
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65536)
    .map((port) => ({ protocol: known, port }))
}
