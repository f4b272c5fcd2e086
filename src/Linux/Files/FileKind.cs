namespace Linux;

/// <summary>The kinds of files that are distinguished here, numbered as in inode(7). Others have no name.</summary>
internal enum FileKind
{
    Fifo = 0x1000,
    Directory = 0x4000,
    Regular = 0x8000,
    Link = 0xa000,
}
