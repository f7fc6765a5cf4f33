/** Who asks. Text is made only where somebody reads it. */
export interface Asker {
  readonly address: string
  readonly port: number
  readonly protocol: 'udp' | 'tcp'
  readonly family: 4 | 6
}

/** The same in memory of its own, for what is not answered at once. */
export function keepAsker({ address, port, protocol, family }: Asker): Asker {
  return { address, port, protocol, family }
}
