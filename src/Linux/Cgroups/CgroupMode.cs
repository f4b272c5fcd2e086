namespace Linux;

/// <summary>How the host has its cgroups.</summary>
public enum CgroupMode
{
    /// <summary>v1 controllers only.</summary>
    Legacy,
    /// <summary>v1 controllers, and v2 beside them without any.</summary>
    Hybrid,
    /// <summary>v2 only.</summary>
    Unified,
}
