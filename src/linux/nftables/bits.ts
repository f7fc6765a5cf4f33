/** 32 bits in a register, such as a mark or a state, and rules that look at some of them. */
import type { CmpOp, Expression, Register } from './expression.ts'

/** 32 bits in the machine's byte order, as marks, states and what `numgen` yields are. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

/** Keeps these bits of a register, and clears the others. */
export function and(register: Register, mask: number): Expression {
  return { kind: 'bitwise', source: register, dest: register, mask: word(mask), xor: word(0) }
}

/** Whether one of the bits is set in register 0 (`neq`), or none (`eq`). */
export function anyBit(bits: number, op: Extract<CmpOp, 'eq' | 'neq'> = 'neq'): Expression[] {
  return [and(0, bits), { kind: 'cmp', op, source: 0, data: word(0) }]
}
