import type { Container } from '../../kube/types/core.ts'

/** The number of a port given as number, digits, or name of one of the container's ports; `undefined` for none such. */
export function probePort(port: number | string, container: Container): number | undefined {
  const number = typeof port === 'number' ? port : namedPort(port, container)
  return number !== undefined && Number.isInteger(number) && number > 0 && number < 65536 ? number : undefined
}

function namedPort(name: string, container: Container): number | undefined {
  if (/^\d+$/.test(name)) return Number(name)
  return container.ports?.find((port) => port.name === name)?.containerPort
}
