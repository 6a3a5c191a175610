// A schedule in words, told apart from its time zone; pure.

/** `Every day at 06:30 in Europe/Berlin`, `… (Europe/Berlin)`, `…, UTC`: the server ends with the zone. */
const ZONE = /^(.*?)[,\s]*(?:\bin |\()?((?:[A-Z][A-Za-z_]+\/[A-Za-z0-9_+\-/]+)|UTC|GMT)\)?$/;

export function withoutZone(description: string): { words: string; zone?: string } {
  const found = ZONE.exec(description);
  return found?.[1] && found[2] ? { words: found[1], zone: found[2] } : { words: description };
}
