import { type Answer, writeResponse } from '../wire/answer.ts'
import { TCP_SIZE } from '../wire/codes.ts'
import { decodeMessage, type Message } from '../wire/message.ts'
import type { Question } from '../wire/question.ts'

/** An answer as records. */
export function messageOf(question: Question, answer: Answer): Message | undefined {
  const out = Buffer.alloc(Math.min(TCP_SIZE, answer.body.length + 320))
  const length = writeResponse(out, 0, question, answer, { size: TCP_SIZE, turn: 0 })
  return decodeMessage(out.subarray(0, length))
}
