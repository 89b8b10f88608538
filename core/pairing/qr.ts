/**
 * A link as a picture to scan.
 *
 * @module
 */

/** The same code twice: for terminals, and as a PNG for pages. */
export interface QrPictures {
  readonly qr_ascii: string;
  readonly qr_png_base64: string;
}

/** Draws `link`. */
export async function drawQr(link: string): Promise<QrPictures> {
  const { default: qrcode } = await import("qrcode");
  const [ascii, png] = await Promise.all([
    qrcode.toString(link, { type: "utf8" }),
    qrcode.toBuffer(link, { errorCorrectionLevel: "M" }),
  ]);
  return { qr_ascii: ascii, qr_png_base64: png.toString("base64") };
}
