import { textOf } from './answer.ts'
import type { Answer } from './cloud-api.ts'

/** Every page of a list, by the token that each answer gives for the next. */
export async function allPages(page: (token: Readonly<Record<string, string>>) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  let token = ''
  do {
    const answer = await page(token === '' ? {} : { NextToken: token })
    answers.push(answer)
    token = textOf(answer, 'NextToken')
  } while (token !== '')
  return answers
}
