// The part of subset-font's interface that the build uses; the package brings no types.
declare module "subset-font" {
  export default function subsetFont(font: Buffer, text: string, options: { targetFormat: "woff2"; keepFeatures: readonly string[]; variationAxes: Record<string, { min: number; max: number }> }): Promise<Buffer>;
}
