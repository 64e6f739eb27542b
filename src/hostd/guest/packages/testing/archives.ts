type TarEntry = {
  readonly name: string;
  readonly text?: string | Buffer;
  readonly type?: string;
  readonly target?: string;
};

/** One entry of a tar; names are bytes, as in the archive. */
export function tarEntry({ name, text = '', type = '0', target = '' }: TarEntry): Buffer {
  const header = Buffer.alloc(512);
  const content = Buffer.isBuffer(text) ? text : Buffer.from(text);
  header.write(name, 0, 100, 'latin1');
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(target, 157, 100, 'latin1');
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc(Math.ceil(content.length / 512) * 512 - content.length);
  return Buffer.concat([header, content, padding]);
}

export function tar(...entries: readonly Buffer[]): Buffer {
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}

/** A zip with one stored file. */
export function zip(name: string, text: string, flags = 0): Buffer {
  const [nameBytes, content] = [Buffer.from(name), Buffer.from(text)];
  const local = Buffer.alloc(30);
  local.write('PK\x03\x04');
  local.writeUInt16LE(nameBytes.length, 26);
  const entry = Buffer.alloc(46);
  entry.write('PK\x01\x02');
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt32LE(content.length, 20);
  entry.writeUInt32LE(content.length, 24);
  entry.writeUInt16LE(nameBytes.length, 28);
  return Buffer.concat([
    local,
    nameBytes,
    content,
    entry,
    nameBytes,
    zipEnd(46 + nameBytes.length, 30 + nameBytes.length + content.length),
  ]);
}

/** What ends a zip, with the length and place of its directory; alone, it is an empty zip. */
export function zipEnd(length = 0, offset = 0): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}
