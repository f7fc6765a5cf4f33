// Child of power-loss.test.ts, in a mount namespace of its own: lets a store write to a file system on a disk image,
// copies the image while it does (what is only in memory is not in it), and opens the store from the copy. Prints what
// it found as JSON.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { examine } from './pairs.ts'

const ENOUGH = 300
const IMAGE_BYTES = 48 * 1024 * 1024
const [directory = ''] = process.argv.slice(2)
const writer = fileURLToPath(new URL('./pair-writer.ts', import.meta.url))
const [image, copy, mount] = ['image', 'copy', 'mount'].map((name) => join(directory, name)) as [string, string, string]

function attach(file: string): void {
  execFileSync('mount', ['-o', 'loop', file, mount])
}

function detach(): void {
  execFileSync('umount', [mount])
}

closeSync(openSync(image, 'w'))
truncateSync(image, IMAGE_BYTES)
execFileSync('mkfs.ext4', ['-q', '-F', image])
mkdirSync(mount)
attach(image)
const acknowledged: number[] = []
let said = ''
const child = spawn(process.execPath, ['--import', 'tsx', writer, join(mount, 'store'), '1000000', '4'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const ended = once(child, 'exit')
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  said += text
})
while (said.split('\n').length <= ENOUGH) await sleep(5)
child.kill('SIGSTOP')
while (!/^State:\tT/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8'))) await sleep(1)
const unsynced = join(mount, 'unsynced')
writeFileSync(unsynced, 'in memory only')
copyFileSync(image, copy)
// What it said before it was stopped is still on its way here.
await sleep(50)
acknowledged.push(...said.split('\n').slice(0, -1).map(Number))
child.kill('SIGKILL')
await ended
detach()
attach(copy)
const found = existsSync(unsynced) && readFileSync(unsynced, 'utf8') !== '' ? 'kept' : 'lost'
const problems = await examine(join(mount, 'store'), acknowledged)
detach()
process.stdout.write(JSON.stringify({ acknowledged: acknowledged.length, problems, unsynced: found }))
