"""What a Pod runs that is talked to through a forwarded port. A connection's first line says what it wants.

who           the Pod's name
echo          whatever follows
source BYTES  so many bytes
sink BYTES    "done" after so many bytes
"""

import asyncio
import platform

PORT = 7000
CHUNK = 1 << 18


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    words = (await reader.readline()).decode().split()
    match words:
        case ["who"]:
            writer.write(platform.node().encode())
        case ["echo"]:
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
        case ["source", size]:
            for sent in range(0, int(size), CHUNK):
                writer.write(bytes(min(CHUNK, int(size) - sent)))
                await writer.drain()
        case ["sink", size]:
            left = int(size)
            while left:
                left -= len(await reader.read(CHUNK))
            writer.write(b"done")
    await writer.drain()
    writer.close()


async def main() -> None:
    async with await asyncio.start_server(talk, "0.0.0.0", PORT, limit=CHUNK) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
