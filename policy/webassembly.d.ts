/* The few parts of the engine's WebAssembly API that the evaluator uses; TypeScript has them in the browser's library only. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
    static imports(program: Module): { readonly module: string; readonly name: string }[]
    static exports(program: Module): { readonly name: string }[]
  }
  class Memory {
    readonly buffer: ArrayBuffer
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>
  }
}
