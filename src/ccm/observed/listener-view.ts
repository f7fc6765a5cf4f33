import { canonical } from '../annotations/setting-row.ts'
import { LISTENER_ROWS, type ListenerProtocol } from '../annotations/table.ts'
import { memberOf, textOf } from '../api/answer.ts'
import type { Answer } from '../api/cloud-api.ts'
import type { ObservedListener } from '../model.ts'

const CONFIG_NAMES: Readonly<Record<ListenerProtocol, string>> = {
  tcp: 'TCPListenerConfig',
  udp: 'UDPListenerConfig',
  http: 'HTTPListenerConfig',
  https: 'HTTPSListenerConfig',
}

/** An item of `DescribeLoadBalancerListeners`, with its settings under the names of the table. */
export function readListener(item: Answer): ObservedListener | undefined {
  const protocol = textOf(item, 'ListenerProtocol')
  if (!isProtocol(protocol)) return undefined
  const config = memberOf(item, CONFIG_NAMES[protocol])
  const read = (name: string) => textOf(config, name) || textOf(item, name)
  const settings: Record<string, string> = {}
  for (const { parameter, protocols } of LISTENER_ROWS) {
    if (!protocols.includes(protocol)) continue
    const value = canonical(parameter, readParameter(parameter, read))
    if (value !== '') settings[parameter] = value
  }
  settings.Bandwidth = read('Bandwidth')
  if (protocol === 'http') {
    settings.ListenerForward = read('ListenerForward') || 'off'
    settings.ForwardPort = read('ForwardPort')
  }
  return {
    port: Number(textOf(item, 'ListenerPort')),
    protocol,
    description: textOf(item, 'Description'),
    isRunning: textOf(item, 'Status') !== 'stopped',
    groupId: read('VServerGroupId'),
    settings,
  }
}

function isProtocol(text: string): text is ListenerProtocol {
  return text in CONFIG_NAMES
}

/** What the API says in other words than it is told. */
function readParameter(parameter: string, read: (name: string) => string): string {
  switch (parameter) {
    case 'HealthCheck':
      return read('HealthCheckSwitch') || read('HealthCheck')
    case 'ProxyProtocolV2Enabled':
      return /^(true|on)$/i.test(read(parameter)) ? 'on' : 'off'
    case 'HealthCheckDomain':
      return read(parameter) || '$_ip'
    case 'AclId':
      return read('AclIds') || read(parameter)
    default:
      return read(parameter)
  }
}

/** Parameters of `Create…` and `Set…`, from settings by the names of the table. */
export function listenerParameters(
  protocol: ListenerProtocol,
  settings: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const isLayer4 = protocol === 'tcp' || protocol === 'udp'
  const parameters: Record<string, string> = {}
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'ProxyProtocolV2Enabled') parameters[name] = String(value === 'on')
    else if (name === 'HealthCheck' && isLayer4) parameters.HealthCheckSwitch = value
    else if (value !== '') parameters[name] = value
  }
  return parameters
}
