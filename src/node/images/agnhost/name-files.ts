import { readFileSync } from 'node:fs'

/** What /etc/resolv.conf says after the word; the last line of several with `search` counts. */
function resolvConf(word: string): readonly (readonly string[])[] {
  return readFileSync('/etc/resolv.conf', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first === word)
    .map(([, ...values]) => values)
}

export function printSuffixes(): void {
  process.stdout.write(`${(resolvConf('search').at(-1) ?? []).join(',')}\n`)
}

export function printServers(): void {
  process.stdout.write(`${resolvConf('nameserver').flat().join(',')}\n`)
}

export function printHosts(): void {
  process.stdout.write(`${readFileSync('/etc/hosts', 'utf8')}\n`)
}
