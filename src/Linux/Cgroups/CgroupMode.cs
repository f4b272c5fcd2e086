namespace Linux;

/// <summary>The cgroup versions that a host uses.</summary>
public enum CgroupMode
{
    /// <summary>v1 controllers only.</summary>
    Legacy,
    /// <summary>v1 controllers, and v2 without controllers beside them.</summary>
    Hybrid,
    /// <summary>v2 only.</summary>
    Unified,
}
