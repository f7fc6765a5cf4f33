import { networkInterfaces } from 'node:os'
import { addressFamily } from '../../base/ip.ts'
import { requireArguments, requireOneOf } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

const MANY = 100

/** The directive `bind`: addresses, also those of interfaces, without those that `except` names. */
export function bindAddresses(directive: Directive): readonly string[] {
  const except: string[] = []
  for (const line of directive.block) {
    requireOneOf(line, ['except'])
    except.push(...addressesOf(line))
  }
  const addresses = addressesOf(directive).filter((address) => !except.includes(address))
  // None would mean all.
  if (addresses.length === 0) throw corefileError(directive, 'bind leaves no address to listen on')
  return addresses
}

function addressesOf(line: Directive): readonly string[] {
  const interfaces = networkInterfaces()
  return requireArguments(line, 1, MANY).flatMap((text) => {
    const plain = text.replace(/^\[|\]$/g, '')
    if (addressFamily(plain) !== undefined) return [plain]
    const own = interfaces[text]
    if (own === undefined) throw corefileError(line, `not a valid IP address or interface name: "${text}"`)
    // A link's own addresses say nothing without the link.
    return own.filter(({ scopeid }) => !scopeid).map(({ address }) => address)
  })
}
