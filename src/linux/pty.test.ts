import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { close } from './libc.ts'
import { makeRaw, openPty, setTerminalSize } from './pty.ts'

test('a pseudo-terminal has two ends and a size', () => {
  const { master, slave } = openPty()
  try {
    setTerminalSize(master, { columns: 132, rows: 43 })
    const size = execFileSync('stty', ['size'], { stdio: [slave, 'pipe', 'inherit'], encoding: 'utf8' })
    assert.equal(size, '43 132\n')
    writeSync(master, 'typed\n')
    const read = Buffer.alloc(64)
    assert.equal(read.toString('utf8', 0, readSync(slave, read)), 'typed\n')
    // What was typed is echoed, and a line feed becomes two characters, as on any terminal.
    assert.equal(read.toString('utf8', 0, readSync(master, read)), 'typed\r\n')
    writeSync(slave, 'shown\n')
    assert.equal(read.toString('utf8', 0, readSync(master, read)), 'shown\r\n')
    makeRaw(slave)
    writeSync(master, '\x03raw\r')
    assert.equal(read.toString('latin1', 0, readSync(slave, read)), '\x03raw\r')
    writeSync(slave, 'as it is\n')
    assert.equal(read.toString('utf8', 0, readSync(master, read)), 'as it is\n')
  } finally {
    close(slave)
    close(master)
  }
})
