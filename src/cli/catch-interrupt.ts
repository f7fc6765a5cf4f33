import { say } from './output.ts'

/** Exit code after Ctrl-C. */
export const INTERRUPTED = 130

/** The first Ctrl-C (SIGTERM, the terminal's end) asks for the end; the second ends at once. */
export function catchInterrupt(): { readonly asked: Promise<'interrupt'> } {
  const asked = new Promise<'interrupt'>((resolve) => {
    let count = 0
    const onSignal = () => {
      count++
      if (count > 1) process.exit(INTERRUPTED)
      say('Taking everything down (Ctrl-C again: at once)')
      resolve('interrupt')
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  })
  return { asked }
}
