import { FileInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { decodeDraft, type Draft } from '@symbolon/protocol/draft.ts'
import { limits } from '@symbolon/protocol/limits.ts'

/** A draft from a file, where it is too long for a link. */
export function DraftFile({ chosen }: { chosen(draft: Draft): void }): ReactNode {
  const [problem, setProblem] = useState<string>()
  const open = async (file: File | null) => {
    if (file === null) return
    const draft = file.size > limits.changeBytes ? undefined : decodeDraft(new Uint8Array(await file.arrayBuffer()))
    setProblem(draft === undefined ? 'This file is no draft of `symbolon roster propose`' : undefined)
    if (draft !== undefined) chosen(draft)
  }
  return <FileInput label="Open a draft" description="As symbolon roster propose writes it" placeholder="Choose a file" accept="application/json,.json" onChange={(file) => void open(file)} error={problem} />
}
